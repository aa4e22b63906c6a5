// Why an upload was refused, for people: what the server says, and what a proxy in front of it does not say.
import { size } from '#js/files/describe.js';

// The explanation of an answer. `isProxy`: it is about the size of one request, and not from Parlor.
export function explained(status, body, { name, bytes }) {
  const told = messageIn(body);
  if (told) return { problem: told };
  if (status === 413) {
    return { problem: `A proxy in front of this server doesn’t let ${size(bytes)} through. Ask your admin to raise its limit for uploads.`, isProxy: true };
  }
  if (status === 404 || status === 410) return { problem: `The upload of ${name} has expired. Try again.` };
  if (status === 507) return { problem: 'The server’s storage is full. Tell your admin.' };
  if (status >= 500) return { problem: 'The server can’t take files right now. Try again.' };
  return { problem: status ? `The server refused this file (${status}). Try again.` : 'No connection.' };
}

// The sentence in an error of Parlor's.
function messageIn(body) {
  try {
    return JSON.parse(body).error.message ?? '';
  } catch {
    return '';
  }
}
