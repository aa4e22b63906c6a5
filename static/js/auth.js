// Log-in and registration: nobody is signed in, so nobody's data is kept. A refused form keeps what was typed, the password included, which a
// server should not send back.
import '#js/install.js';
import { offer } from '#js/account/passkeys.js';
import { dropEveryone } from '#js/core/user-storage.js';

function listen(form) {
  form.addEventListener('submit', (event) => { event.preventDefault(); send(form); });
}

async function send(form) {
  const press = form.querySelector('.button');
  if (press.disabled) return;
  press.disabled = true;
  try {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { accept: 'text/html' }, redirect: 'manual' });
    if (answer.type === 'opaqueredirect') { location.assign(after(form)); return; }
    refused(form, new DOMParser().parseFromString(await answer.text(), 'text/html'));
  } catch {
    form.submit(); // The browser has the best message about the network.
  }
}

// The server's redirect is not visible here. The log-in page knows whether somebody is signed in now or their second factor is due.
function after(form) {
  const next = form.elements.next?.value ?? '';
  return form.dataset.after ? `${form.dataset.after}?next=${encodeURIComponent(next)}` : next || '/';
}

function refused(form, page) {
  const main = document.adoptNode(page.querySelector('main'));
  const again = main.querySelector('form.card');
  for (const field of again?.querySelectorAll('input[type=password]:not([aria-invalid])') ?? []) field.value = form.elements[field.name]?.value ?? '';
  document.querySelector('main').replaceWith(main);
  document.title = page.title;
  offer(main);
  if (!again) return;
  listen(again);
  (again.querySelector('[autofocus]') ?? again.querySelector('.button')).focus();
}

const form = document.querySelector('form.card');
if (form) listen(form);
offer(document);
dropEveryone();
