// Notifications on this device while Parlor is not open: the browser's push subscription, and the panel in the settings that turns it on
// and off. The server sends to a subscription as long as the session lasts in which it was added; `sw.js` shows what comes.
import { fetchJson } from '#js/core/fetch-json.js';
import { onPage } from '#js/core/page.js';
import { mayPlay, setSound, playSound } from '#js/core/sound.js';

// Whose subscription the server has: the person's id, the address, and when the server said so, by its clock. It is dropped with the session.
const KNOWN = 'push';
// How long that is believed, in milliseconds: the server may have paused this device, or its person may have removed it at another one.
const FRESH = 60 * 60 * 1000;
const worker = navigator.serviceWorker;
const canPush = Boolean(worker) && 'PushManager' in globalThis && 'Notification' in globalThis;

// Whether the worker shows notifications here, so that pages need not.
let isOn = false;
export const isPushed = () => isOn;

// Asks for permission, and subscribes if the browser can. Without a push service, notifications still come while a page is open.
export async function turnOn(me) {
  if (!('Notification' in globalThis) || await Notification.requestPermission() !== 'granted' || !canPush) return false;
  try {
    return await subscribe(me);
  } catch {
    return false;
  }
}

// With `since`, it is only renewed: the answer is no if its person has removed it meanwhile.
async function subscribe(me, since) {
  const { pushManager } = await worker.ready;
  const { key } = await fetchJson('/push/key') ?? {};
  if (!key) return false;
  const wanted = bytes(key);
  let subscription = await pushManager.getSubscription();
  // Of a server with another key: it was set up anew.
  if (subscription && !isSame(subscription.options.applicationServerKey, wanted)) {
    await subscription.unsubscribe();
    [subscription, since] = [null, undefined];
  }
  subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
  const answer = await fetch('/settings/push', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...subscription.toJSON(), since }),
  });
  // A server that cannot answer now has it still.
  isOn = answer.ok || (since !== undefined && answer.status !== 404);
  if (answer.ok) localStorage.setItem(KNOWN, `${me.id} ${subscription.endpoint} ${(await answer.json()).at}`);
  if (answer.status === 404) { localStorage.removeItem(KNOWN); await subscription.unsubscribe(); }
  return isOn;
}

async function turnOff() {
  const subscription = await (await worker.ready).pushManager.getSubscription();
  isOn = false;
  localStorage.removeItem(KNOWN);
  if (!subscription) return;
  await fetch('/settings/push/remove', { method: 'POST', body: new URLSearchParams({ endpoint: subscription.endpoint }) });
  await subscription.unsubscribe();
}

// At the start of a page: this person turned it on in this browser before, perhaps in an earlier session.
export async function resume(me) {
  if (!canPush || Notification.permission !== 'granted' || !localStorage.getItem(KNOWN)?.startsWith(`${me.id} `)) return;
  try {
    const subscription = await (await worker.ready).pushManager.getSubscription();
    if (!subscription) { localStorage.removeItem(KNOWN); return; }
    const [, endpoint, at] = localStorage.getItem(KNOWN).split(' ');
    const isKnown = endpoint === subscription.endpoint;
    isOn = isKnown && Math.abs(Date.now() - at) < FRESH || await subscribe(me, isKnown ? Number(at) : undefined);
  } catch { /* Notifications still come while a page is open. */ }
}

// The session has ended: whoever is next has not asked for notifications. The same person is asked for nothing.
export async function leave(isSamePerson) {
  isOn = false;
  if (!canPush) return;
  for (const shown of await (await worker.getRegistration())?.getNotifications() ?? []) shown.close();
  const known = localStorage.getItem(KNOWN);
  // The server has ended it with the session, and their next page begins it again.
  if (isSamePerson) { if (known) localStorage.setItem(KNOWN, known.replace(/\d+$/, '0')); return; }
  localStorage.removeItem(KNOWN);
  await (await (await worker.getRegistration())?.pushManager.getSubscription())?.unsubscribe();
}

// The room is in view: its notifications have done their work.
export async function withdraw(room) {
  if (!isOn) return;
  for (const shown of await (await worker.ready).getNotifications({ tag: `room:${room}` })) shown.close();
}

// The panel in the settings.
export function panel(me) {
  onPage((main) => {
    const root = main.querySelector('[data-push]');
    if (!root) return;
    const [says, on, off] = ['[data-push-state]', '[data-push-on]', '[data-push-off]'].map((name) => root.querySelector(name));
    const show = () => {
      const permission = globalThis.Notification?.permission;
      says.textContent = !canPush ? 'This browser can’t show notifications while Parlor isn’t open.'
        : permission === 'denied' ? 'You have blocked notifications for this site. Allow them in your browser’s settings.'
        : isOn ? 'Notifications come to this device also while Parlor isn’t open.'
        : 'Notifications don’t come to this device while Parlor isn’t open.';
      on.hidden = !canPush || permission === 'denied' || isOn;
      off.hidden = !isOn;
    };
    const after = (work) => async ({ currentTarget }) => {
      currentTarget.disabled = true;
      const worked = await work();
      currentTarget.disabled = false;
      show();
      if (worked === false && Notification.permission === 'granted') says.textContent = 'Your browser’s push service can’t be reached. Try again later.';
    };
    on.addEventListener('click', after(() => turnOn(me)));
    off.addEventListener('click', after(turnOff));
    const sound = root.querySelector('[data-sound]');
    sound.checked = mayPlay();
    sound.addEventListener('change', () => { setSound(sound.checked); playSound(); });
    show();
  });
}

function bytes(base64url) {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function isSame(buffer, other) {
  const one = new Uint8Array(buffer ?? []);
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
