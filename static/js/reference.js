// The reference of the API: sends what changes something, and shows the answer. Forms of what only reads lead to it by themselves.
import '#js/install.js';

// How much of an answer is shown, in characters.
const MOST = 100_000;

const ask = document.querySelector('#ask');

function address({ dataset, elements }) {
  const at = (place) => [...elements].filter((field) => field.dataset.place === place);
  const fill = (path, { name, value }) => path.replace(`{${name}}`, () => encodeURIComponent(value.trim()));
  const url = new URL(at('path').reduce(fill, dataset.path), location.origin);
  for (const { name, value } of at('query')) if (value.trim()) url.searchParams.append(name, value.trim());
  return url;
}

// What `fetch` needs beside the address. The browser adds the session's cookie and the origin.
function request({ dataset, elements }) {
  const field = [...elements].find(({ type }) => type === 'textarea' || type === 'file');
  const headers = { accept: 'application/json' };
  if (field) headers['content-type'] = field.files ? 'application/octet-stream' : 'application/json';
  return { method: dataset.method, headers, body: field?.files ? field.files[0] : field?.value };
}

// Whether the person means a deletion, which the dialog names.
function isMeant({ dataset }, url) {
  ask.querySelector('h2').textContent = `Try ${dataset.operation}?`;
  ask.querySelector('blockquote').textContent = `${dataset.method} ${url.pathname}${url.search}`;
  ask.returnValue = '';
  ask.showModal();
  return new Promise((resolve) => { ask.addEventListener('close', () => resolve(ask.returnValue === 'yes'), { once: true }); });
}

async function attempt(form) {
  // A button that is disabled would lose the focus.
  if (form.ariaBusy === 'true') return;
  const url = address(form);
  if (form.dataset.method === 'DELETE' && !(await isMeant(form, url))) return;
  const said = form.querySelector('.answered');
  const shown = form.querySelector('.answer');
  form.ariaBusy = 'true';
  said.textContent = '';
  shown.hidden = true;
  try {
    const answer = await fetch(url, request(form));
    const text = await answer.text();
    shown.textContent = indented(text).slice(0, MOST);
    shown.hidden = !text;
    said.textContent = `Answer: ${answer.status} ${answer.statusText}`.trim();
  } catch {
    said.textContent = 'There was no answer. The server can’t be reached.';
  }
  form.ariaBusy = 'false';
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Whether the API takes a text as a body: one object, or nothing.
function isBody(text) {
  try {
    return !text.trim() || Object.prototype.toString.call(JSON.parse(text)) === '[object Object]';
  } catch {
    return false;
  }
}

for (const form of document.querySelectorAll('form.attempt[data-method]')) {
  form.hidden = false;
  form.addEventListener('submit', (event) => { event.preventDefault(); attempt(form); });
  const body = form.querySelector('textarea');
  body?.addEventListener('input', () => body.setCustomValidity(isBody(body.value) ? '' : 'Write one object in JSON.'));
}
