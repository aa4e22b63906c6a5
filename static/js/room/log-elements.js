// The elements of a page's log. They are found here and passed to whatever needs them, so that a page can hold a second log.

export function logElements(main) {
  const find = (selector) => main.querySelector(selector);
  return {
    log: find('#log'), list: find('#messages'), older: find('#older'), newer: find('#newer'), since: find('#since'), pill: find('#pill'), back: find('#back'),
    end: find('.floats:not(.floats--top)'),
  };
}
