// Passkeys. A form with `data-passkey` (`add` or `use`) is shown where the browser can do it. Sent, it first gets options from the server
// (`data-options`), asks the browser for a passkey, and takes its answer along in the field `credential`.
const canCreate = typeof globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON === 'function';
// The request that waits for a choice in the username field; there can be only one request at a time.
let waiting = null;

export function offer(root) {
  if (!canCreate) return;
  for (const form of root.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', (event) => { event.preventDefault(); send(form); });
    if ('autofill' in form.dataset) waitForChoice(form);
  }
}

async function send(form) {
  const press = form.querySelector('button');
  if (press.disabled) return;
  press.disabled = true;
  waiting?.abort();
  try {
    form.elements.credential.value = JSON.stringify(await ask(form, {}));
    form.submit();
  } catch (error) {
    refused(form, error);
  } finally {
    press.disabled = false;
  }
}

// The browser offers passkeys among the usernames that it knows.
async function waitForChoice(form) {
  if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  waiting = new AbortController();
  try {
    form.elements.credential.value = JSON.stringify(await ask(form, { mediation: 'conditional', signal: waiting.signal }));
    form.submit();
  } catch { /* Nobody chose one; the button is there. */ }
}

async function ask(form, request) {
  const answer = await fetch(form.dataset.options, { method: 'POST', headers: { accept: 'application/json' } });
  const options = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(options.error?.message), { code: options.error?.code });
  return form.dataset.passkey === 'add'
    ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
    : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options), ...request });
}

function refused(form, error) {
  if (error.code === 'confirmation_required') { location.assign(`/confirm?next=${encodeURIComponent(location.pathname)}`); return; }
  const why = form.querySelector('.wrong');
  why.hidden = false;
  why.textContent = error.name === 'InvalidStateError' ? 'This device already has a passkey for your account.'
    : error.code ? error.message
      : 'That was cancelled, or took too long. Try again.';
}
