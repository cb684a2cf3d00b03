// The manifest of connecting and being disconnected; the rows are the creators'.
import type { Manifest } from '../plugin.ts';
import { addConnectionPages } from './pages.ts';

export const connections: Manifest = {
  name: 'connections',
  routes: addConnectionPages,
  personalData: { nothing: 'It writes rows of the creators alone, which declare them.' },
};
