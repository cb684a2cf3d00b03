// The manifest of the overview, the operators' first page.
import type { Manifest } from '../context/context.ts';
import { addOverviewPages } from './pages.ts';

export const adminOverview: Manifest = {
  name: 'admin_overview',
  routes: addOverviewPages,
  personalData: { nothing: 'It counts what other modules store.' },
};
