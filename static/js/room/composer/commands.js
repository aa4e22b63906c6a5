// The slash commands that the server knows (`src/chat/commands.rs`): their name, what follows it, and what they do.
// The first is chosen at first, so what changes a room for all comes last.
const ALL = [
  ['me', 'text', 'Says what you are doing, in italics'],
  ['shrug', 'text', 'Adds ¯\\_(ツ)_/¯'],
  ['remind', 'in 10 minutes …', 'Reminds you, or the room; list shows what waits'],
  ['topic', 'text', 'Changes the topic of this room'],
  ['invite', '@username …', 'Adds people to this room'],
  ['help', '', 'Shows these commands'],
  ['archive', '', 'Archives this room'],
];

// Options for the completion of a name: these commands, and those of the room's webhooks.
export function commands(typed, others) {
  const all = [...ALL, ...others.map(({ name, hint }) => [name, '…', hint])];
  const found = all.filter(([name]) => name.startsWith(typed.toLowerCase()));
  return found.map(([name, follows, does]) => ({ key: name, label: `/${name}${follows && ` ${follows}`}`, detail: does, text: follows ? `/${name} ` : `/${name}` }));
}
