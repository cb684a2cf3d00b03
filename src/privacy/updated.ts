// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: '78237e933be03081331693d4e700b82b06e89599700548761a91e31bafbf8e46',
};
