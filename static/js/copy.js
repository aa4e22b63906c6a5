// Buttons that copy a text: `data-copy` holds it.
import { announce } from '#js/announce.js';
import { onPage } from '#js/page.js';

onPage((main) => {
  for (const button of main.querySelectorAll('[data-copy]')) {
    // Only pages from https or this machine may write to the clipboard; elsewhere the text is there to be selected.
    button.hidden = !navigator.clipboard;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        announce('Link copied', { isShown: true });
      } catch {
        announce('Couldn’t copy. Select the link instead.', { isShown: true });
      }
    });
  }
});
