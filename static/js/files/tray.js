// The files that are chosen for a room's next message. They stay while the person visits other rooms.
import { size } from '#js/files/describe.js';
import { enqueue } from '#js/files/upload-queue.js';
import { Upload } from '#js/files/upload.js';

const trays = new Map();

// The tray of a room.
export function trayOf(room) {
  if (!trays.has(room)) trays.set(room, new Tray());
  return trays.get(room);
}

class Tray extends EventTarget {
  // In the order in which the message will have them.
  uploads = [];

  // Adds files and begins to send them. What is too large is listed with the reason. Returns a sentence if some were left out.
  add(files, me, { largest, most }) {
    const room = Math.max(0, most - this.uploads.length);
    for (const file of [...files].slice(0, room)) {
      const isTooLarge = largest && file.size > largest;
      const upload = new Upload(file, me, isTooLarge ? `Too large: files can have up to ${size(largest)}, and this one has ${size(file.size)}.` : '');
      this.uploads.push(upload);
      if (!isTooLarge) enqueue(upload);
    }
    this.#tell();
    return files.length > room ? `A message can have up to ${most} files.` : '';
  }

  remove(upload) {
    this.uploads = this.uploads.filter((other) => other !== upload);
    upload.cancel();
    this.#tell();
  }

  // Moves a file to another place in the order.
  move(upload, to) {
    const others = this.uploads.filter((other) => other !== upload);
    const place = Math.min(others.length, Math.max(0, to));
    this.uploads = [...others.slice(0, place), upload, ...others.slice(place)];
    this.#tell();
    return place;
  }

  // The files, for a message that is sent: the tray is empty then.
  take() {
    const { uploads } = this;
    this.uploads = [];
    this.#tell();
    return uploads;
  }

  #tell() { this.dispatchEvent(new Event('change')); }
}
