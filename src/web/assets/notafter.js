// Comfort alone: everything works without it.
const search = document.querySelector('#find');

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search?.focus();
    search?.select();
  }
});

// Instants are written in UTC; the reader's own time is one hover away.
for (const time of document.querySelectorAll('time[datetime]')) {
  time.title = new Date(time.dateTime).toLocaleString();
}

// While not all was read, the page looks again, unless somebody is writing on it.
if (document.querySelector('[data-reading]') !== null) {
  setTimeout(() => {
    if (document.activeElement?.closest('form') === null) location.reload();
  }, 3_000);
}

// Who signed last signs again, unless somebody else is logged in.
for (const author of document.querySelectorAll('input[name="author"]')) {
  if (author.value === '') author.value = localStorage.getItem('author') ?? '';
  author.form?.addEventListener('submit', () => localStorage.setItem('author', author.value));
}
