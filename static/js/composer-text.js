// What a form to write in is made of, and changes of its text that the browser's own undo takes back.

// A part of the form by its name: there is the room's own form, and a copy of it in the message that is edited.
export const part = (form, name) => form.querySelector(`#${name}, #edit-${name}`);

// Puts `text` in the place of what stands from `from` to `to`.
export function replace(field, from, to, text) {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, and the only way that keeps the undo history; a browser that lacks it gets the other one.
  if (text ? document.execCommand?.('insertText', false, text) : document.execCommand?.('delete')) return;
  field.setRangeText(text, from, to, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

// Whether the place at `at` is within code: between fences, or between backticks of its line.
export function isCode(text, at) {
  const before = text.slice(0, at);
  const fences = before.match(/^ {0,3}(```|~~~)/gm)?.length ?? 0;
  if (fences % 2) return true;
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/`/g)?.length ?? 0) % 2 === 1;
}

// How long a text is, as the server counts: by characters, not by the halves in which a script keeps some of them.
export function count(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// What stands from `from` to `to` as a block of code: between fences that are longer than any in it, on lines of their own.
export function fenced(value, from, to) {
  const text = value.slice(from, to);
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const before = from && value[from - 1] !== '\n' ? '\n' : '';
  const after = value.startsWith('\n', to) ? '' : '\n';
  return `${before}${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}${after}`;
}
