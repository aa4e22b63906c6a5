// Pictures in messages: a press opens them in the lightbox, or plays one that moves. Without scripts they are links.
import { onPage } from '#js/core/page.js';

// How long after a failure a picture is asked for again, in milliseconds.
const AGAIN = [2_000, 8_000, 30_000];

// A picture that is there hides its blurred placeholder, which would be seen through a transparent one.
document.addEventListener('load', ({ target }) => {
  if (target.matches?.('.picture > .thumb')) target.classList.add('is-loaded');
  if (target.dataset?.tries) delete target.dataset.tries;
}, true);
// A preview may not be made yet: the server waits for it only for a while.
document.addEventListener('error', ({ target: thumb }) => {
  if (!thumb.matches?.('.picture > .thumb, .file-icon > img, .link-preview > img')) return;
  const tries = Number(thumb.dataset.tries ?? 0);
  if (tries === AGAIN.length) return;
  thumb.dataset.tries = tries + 1;
  setTimeout(() => { if (thumb.isConnected) thumb.src = thumb.getAttribute('src'); }, AGAIN[tries]);
}, true);

onPage((main) => {
  for (const thumb of main.querySelectorAll('.picture > .thumb')) if (thumb.complete && thumb.naturalWidth) thumb.classList.add('is-loaded');
});

document.addEventListener('click', async (event) => {
  const picture = event.target.closest?.('.picture');
  if (!picture || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (picture.hasAttribute('data-moving')) return play(picture);
  const { open } = await import('#js/files/lightbox.js');
  open(picture);
});

// Plays a GIF in its place, or stops it.
function play(picture) {
  const thumb = picture.querySelector('.thumb');
  const isPlaying = picture.classList.toggle('is-playing');
  if (isPlaying) {
    thumb.dataset.still = thumb.getAttribute('src');
    thumb.dataset.stills = thumb.getAttribute('srcset');
    thumb.removeAttribute('srcset');
    thumb.src = picture.href;
  } else {
    thumb.srcset = thumb.dataset.stills;
    thumb.src = thumb.dataset.still;
  }
}
