// The sound of a notification, for those who want one on this device: two short notes, made here.

const WANTED = 'sound';
const NOTES = [[880, 0], [1_174.66, 0.12]];
const LENGTH = 0.35;
const LOUDNESS = 0.08;

export function mayPlay() {
  try { return localStorage.getItem(WANTED) === '1'; } catch { return false; }
}

export function setSound(isOn) {
  try { localStorage.setItem(WANTED, isOn ? '1' : '0'); } catch { /* Then it stays off. */ }
}

export function playSound() {
  if (!mayPlay() || !('AudioContext' in globalThis)) return;
  // A page that nobody has clicked on stays silent: the browser says so.
  const context = new AudioContext();
  for (const [frequency, after] of NOTES) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const at = context.currentTime + after;
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(LOUDNESS, at);
    volume.gain.exponentialRampToValueAtTime(0.000_1, at + LENGTH);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + LENGTH);
  }
  setTimeout(() => context.close(), 1_000);
}
