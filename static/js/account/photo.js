// The forms for a photo or an icon: the part of the picture that is used is chosen in the page, with code that is loaded on first use. Without
// scripts the server uses the middle.
import { onPage } from '#js/core/page.js';

onPage((main, signal) => {
  for (const form of main.querySelectorAll('.photo-form')) {
    let cropper;
    const { file } = form.elements;
    const problem = form.querySelector('.wrong');
    const say = (text) => { problem.textContent = text; problem.hidden = !text; };
    file.addEventListener('change', async () => {
      cropper?.end();
      cropper = null;
      say('');
      const [chosen] = file.files;
      if (!chosen) return;
      const { Cropper } = await import('#js/account/crop.js');
      const next = await Cropper.of(chosen);
      if (signal.aborted || file.files[0] !== chosen) return;
      if (!next) return say('This file isn’t a picture that your browser can read. Choose a JPEG, PNG, GIF or WebP.');
      cropper = next;
      cropper.show(form.querySelector('.photo-crop'));
    });
  }
});
