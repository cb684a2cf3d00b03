// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '942eb45e982fdd1133c0894c91be916e559198346b1c4a772abed2ce031afd07',
};
