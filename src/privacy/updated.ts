// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-28',
  declarations: 'bcd368ed7f01dfe31f63dfee7725307d9d823aa6062c78963055c74addf33bfd',
};
