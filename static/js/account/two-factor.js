// The page about second factors.
import { offer } from '#js/account/passkeys.js';
import { onPage } from '#js/core/page.js';

onPage((main) => offer(main));
