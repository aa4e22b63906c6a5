// The parts of a form for writing, and changes to its text that keep the browser's undo history.

// A part of the form by its name, in the room's own form or in the copy that edits a message.
export const part = (form, name) => form.querySelector(`#${name}, #edit-${name}`);

// Replaces the text between `from` and `to`.
export function replace(field, from, to, text) {
  field.focus();
  field.setSelectionRange(from, to);
  // Deprecated, but the only way that keeps the undo history. The fallback is for browsers that lack it.
  if (text ? document.execCommand?.('insertText', false, text) : document.execCommand?.('delete')) return;
  field.setRangeText(text, from, to, 'end');
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

// Whether `at` is inside code: between fences, or between backticks of its line.
export function isCode(text, at) {
  const before = text.slice(0, at);
  const fences = before.match(/^ {0,3}(```|~~~)/gm)?.length ?? 0;
  if (fences % 2) return true;
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return (line.match(/`/g)?.length ?? 0) % 2 === 1;
}

// The length of a text as the server counts it: in characters, not in UTF-16 units.
export function count(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// The text between `from` and `to` as a code block, with fences longer than any inside it, on lines of their own.
export function fenced(value, from, to) {
  const text = value.slice(from, to);
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const before = from && value[from - 1] !== '\n' ? '\n' : '';
  const after = value.startsWith('\n', to) ? '' : '\n';
  return `${before}${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}${after}`;
}
