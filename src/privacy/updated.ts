// The day on which the declarations last changed, for the legal pages; `npm run docs` writes it.
export const UPDATED = {
  on: '2026-11-28',
  declarations: 'ba231f55733946bc091694f4efc0d6f366fc1b4244ec2f3dd45b59fec008c688',
};
