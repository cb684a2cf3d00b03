// When the declarations last changed: the legal pages show it. Written by `npm run docs`.
export const UPDATED = {
  on: '2026-11-25',
  declarations: 'e088ac37dc6559637d179c69e135938d3b09bec5005a53c669bf13ebb07815cc',
};
