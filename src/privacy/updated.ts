// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '5ff09bbbcd970075ebdf1456707982c6d712c29a51ff2582da85da3a5228c1b7',
};
