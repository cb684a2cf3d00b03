// The settings that people switch on and off, as the templates draw them.
import { isSwitch, type PostSetting, type PostSettingTable, type Switch } from './post-setting.ts';
import { POST_SETTINGS } from './post-settings.ts';

export interface DrawnSwitch extends Switch {
  /** The setting's name, and the name of the composer's field. */
  name: string;
  switchedOffBy: PostSetting['switchedOffBy'];
  privateRefusal: string | undefined;
}

/** The switches whose setting `isMeant`, by group, in the order of the table. */
export function groupSwitches(
  isMeant: (setting: PostSetting & { name: string }) => boolean,
  table: PostSettingTable = POST_SETTINGS,
): Record<Switch['group'], DrawnSwitch[]> {
  const groups = { interactions: [], sound: [], content: [], brands: [] } as Record<
    Switch['group'],
    DrawnSwitch[]
  >;
  for (const [name, setting] of Object.entries(table)) {
    const { control, switchedOffBy, privateRefusal } = setting;
    if (!isSwitch(control) || !isMeant({ ...setting, name })) continue;
    groups[control.group].push({ ...control, name, switchedOffBy, privateRefusal });
  }
  return groups;
}
