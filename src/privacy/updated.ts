// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '6d3a9e9388fd91967d02b147acdafed35b3045e8cf8b46e7332df37a43f5ec61',
};
