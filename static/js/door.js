// Where one logs in or makes an account: nobody is signed in here, so nothing of anybody is kept. A form that is refused stays as it was
// typed, the password too, which no server should send back.
import '#js/install.js';
import { keepNobody } from '#js/own.js';

function listen(form) {
  form.addEventListener('submit', (event) => { event.preventDefault(); send(form); });
}

async function send(form) {
  const press = form.querySelector('.button');
  if (press.disabled) return;
  press.disabled = true;
  try {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { accept: 'text/html' }, redirect: 'manual' });
    if (answer.type === 'opaqueredirect') { location.assign(form.elements.next?.value || '/'); return; }
    refused(form, new DOMParser().parseFromString(await answer.text(), 'text/html'));
  } catch {
    form.submit(); // The browser says best what is the matter with the network.
  }
}

function refused(form, page) {
  const main = document.adoptNode(page.querySelector('main'));
  const again = main.querySelector('form.card');
  for (const field of again?.querySelectorAll('input[type=password]:not([aria-invalid])') ?? []) field.value = form.elements[field.name]?.value ?? '';
  document.querySelector('main').replaceWith(main);
  document.title = page.title;
  if (!again) return;
  listen(again);
  (again.querySelector('[autofocus]') ?? again.querySelector('.button')).focus();
}

const form = document.querySelector('form.card');
if (form) listen(form);
keepNobody();
