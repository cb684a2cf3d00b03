// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: 'f905529149a32fcc51a234e88d60bdecb1638882d6d6263931467d3939e9f35e',
};
