// Where one logs in or makes an account: nobody is signed in here, so nothing of anybody is kept.
import { keepNobody } from '#js/own.js';

await keepNobody();
