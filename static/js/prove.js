// Pages of signed-in people without their rooms: setting up a second factor that is required, and proving again who one is.
import '#js/install.js';
import { offer } from '#js/account/passkeys.js';

offer(document);
