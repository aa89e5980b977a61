/** How the page looks, by day and by night. */
export const STYLE = `:root {
  color-scheme: light dark;
  --text: light-dark(#1c2024, #e6e8ea);
  --muted: light-dark(#60666d, #9aa1a9);
  --line: light-dark(#d9dde1, #33383e);
  --ground: light-dark(#ffffff, #15181b);
  --panel: light-dark(#f5f6f8, #1d2125);
  --link: light-dark(#0b5cad, #7db8f5);
}
* { box-sizing: border-box; }
body {
  margin: 0;
  display: grid;
  grid-template-columns: 17rem minmax(0, 1fr);
  color: var(--text);
  background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif;
}
nav {
  position: sticky;
  top: 0;
  height: 100vh;
  overflow-y: auto;
  padding: 1.5rem 1rem;
  background: var(--panel);
  border-right: 1px solid var(--line);
  font-size: 0.875rem;
}
nav > a { display: block; margin-top: 0.75rem; font-weight: 600; }
nav ul { margin: 0; padding-left: 0.75rem; list-style: none; }
main { max-width: 62rem; padding: 1.5rem 2rem 4rem; }
a { color: var(--link); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
h2 { margin-top: 3rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--line); }
h3, h4, h5 { margin: 1.5rem 0 0.25rem; }
h3.tag { margin-top: 2.5rem; }
h5 { font-size: 0.875rem; color: var(--muted); }
article { margin: 1.5rem 0; padding: 0 1rem 0.75rem; border: 1px solid var(--line); border-radius: 6px; }
article:target, tr:target { outline: 2px solid var(--link); }
code, pre { font-family: ui-monospace, monospace; font-size: 0.875em; }
pre { overflow-x: auto; padding: 1rem; background: var(--panel); border-radius: 6px; }
table { width: 100%; table-layout: fixed; border-collapse: collapse; font-size: 0.9rem; }
th:nth-child(-n + 2) { width: 30%; }
#errors th:nth-child(n + 2) { width: 12%; }
#errors th:last-child { width: auto; }
th, td { padding: 0.35rem 0.75rem 0.35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--muted); font-weight: 600; }
tbody tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 4rem; font-weight: 700; }
.optional, .who, .refusals { color: var(--muted); font-size: 0.85rem; }
.who { padding: 0 0.5rem; border: 1px solid var(--line); border-radius: 999px; white-space: nowrap; }
@media (max-width: 50rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; }
  nav ul { display: none; }
  main { padding: 1rem; }
}
`;
