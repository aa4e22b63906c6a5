// Buttons that copy the text in their `data-copy`.
import { announce } from '#js/core/announce.js';
import { onPage } from '#js/core/page.js';

onPage((main) => {
  for (const button of main.querySelectorAll('[data-copy]')) {
    // The clipboard needs https or localhost; elsewhere the text can be selected.
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
