// Menu, theme and search: all else is HTML.
const root = document.documentElement;
const one = (selector) => document.querySelector(selector);

const menu = one('.menu');
menu.addEventListener('click', () => {
  const isOpen = document.body.classList.toggle('menu-open');
  menu.setAttribute('aria-expanded', String(isOpen));
});

one('.theme').addEventListener('click', () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  try {
    localStorage.setItem('theme', root.dataset.theme);
  } catch {
    // No storage: the choice holds for this page.
  }
});

const MOST = 12;
const input = one('.search input');
const found = one('#found');
let chosen = -1;
let loading;

// The entries are loaded when they are first wanted.
function load() {
  loading ??= new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = `${root.dataset.root}/search-entries.js`;
    script.onload = resolve;
    document.head.append(script);
  });
  return loading;
}

// Every word must be there; a name that is or begins with what was typed comes first.
function rank([name, place, about], words, typed) {
  const low = name.toLowerCase();
  const all = `${low} ${place.toLowerCase()} ${about.toLowerCase()}`;
  if (!words.every((word) => all.includes(word))) return -1;
  if (low === typed) return 4;
  if (low.startsWith(typed)) return 3;
  return low.includes(words[0]) ? 2 : 1;
}

function show(entries) {
  chosen = -1;
  found.replaceChildren(
    ...entries.map(([name, place, about, url], i) => {
      const item = document.createElement('li');
      item.id = `found-${i}`;
      item.setAttribute('role', 'option');
      item.dataset.url = url;
      const parts = [
        ['strong', name],
        ['span', place],
        ['small', about],
      ];
      for (const [tag, text] of parts) {
        if (text === '') continue;
        const part = document.createElement(tag);
        part.textContent = text;
        item.append(part, ' ');
      }
      item.addEventListener('mousedown', () => go(item));
      return item;
    }),
  );
  found.hidden = entries.length === 0;
  input.setAttribute('aria-expanded', String(!found.hidden));
  input.removeAttribute('aria-activedescendant');
}

function go(item) {
  location.href = `${root.dataset.root}/${item.dataset.url}`;
  show([]);
}

function choose(step) {
  const items = [...found.children];
  if (items.length === 0) return;
  items[chosen]?.removeAttribute('aria-selected');
  chosen = (chosen + step + items.length) % items.length;
  items[chosen].setAttribute('aria-selected', 'true');
  items[chosen].scrollIntoView({ block: 'nearest' });
  input.setAttribute('aria-activedescendant', items[chosen].id);
}

input.addEventListener('focus', load);
input.addEventListener('blur', () => show([]));
input.addEventListener('input', async () => {
  await load();
  const typed = input.value.trim().toLowerCase();
  const words = typed.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return show([]);
  const ranked = window.searchEntries
    .map((entry) => ({ entry, rank: rank(entry, words, typed) }))
    .filter((item) => item.rank > 0)
    .sort((a, b) => b.rank - a.rank || a.entry[0].length - b.entry[0].length);
  show(ranked.slice(0, MOST).map(({ entry }) => entry));
});
input.addEventListener('keydown', (event) => {
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    event.preventDefault();
    choose(event.key === 'ArrowDown' ? 1 : -1);
  } else if (event.key === 'Enter' && found.children.length > 0)
    go(found.children[Math.max(chosen, 0)]);
  else if (event.key === 'Escape') input.blur();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.closest('input, textarea')) return;
  event.preventDefault();
  input.focus();
});
