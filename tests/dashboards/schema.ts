// Grafana's published schema of a dashboard, closed: every key must be one that it knows, down to the options of each
// kind of panel. What the schema leaves open (a query is the data source's own affair) is closed here.
import type {
  AnnotationQuery, Dashboard, DataQuery, DataSourceRef, FieldConfig, FieldConfigSource, Panel, VariableModel,
} from "@grafana/schema";
import type { Options as StatOptions }
  from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { FieldConfig as StatesField, Options as StatesOptions }
  from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type { FieldConfig as LinesField, Options as LinesOptions }
  from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** The type as JSON has it: a text instead of the enum that it stands for. */
type Plain<T> =
  T extends string ? `${T}`
  : T extends (infer Item)[] ? Plain<Item>[]
  : T extends object ? { [Key in keyof T]: Plain<T[Key]> }
  : T;

/** A query to Prometheus. */
type Query = Omit<Plain<DataQuery>, "datasource"> & {
  datasource?: DataSourceRef;
  expr: string;
  legendFormat?: string;
  exemplar?: boolean;
  interval?: string;
  instant?: boolean;
  range?: boolean;
};

/** A link on a value; the schema leaves `links` of a field open. */
type Link = { title: string; url: string; targetBlank?: boolean };

type Field<Custom> = Omit<Plain<FieldConfig>, "custom" | "links"> & { custom?: Plain<Custom>; links?: Link[] };

/** Options that are left out have Grafana's default. */
type Of<Kind, Options, Custom> =
  Omit<Plain<Panel>, "type" | "options" | "fieldConfig" | "targets" | "gridPos"> & Required<Pick<Plain<Panel>, "gridPos">> & {
    type: Kind;
    options: Partial<Plain<Options>>;
    fieldConfig: Omit<Plain<FieldConfigSource>, "defaults"> & { defaults: Field<Custom> };
    targets: Query[];
  };

type AnyPanel =
  | Of<"timeseries", LinesOptions, LinesField>
  | Of<"stat", StatOptions, Record<string, never>>
  | Of<"state-timeline", StatesOptions, StatesField>;

/** What the data source of Prometheus makes of the series of an annotation. */
type Marks = Omit<Plain<AnnotationQuery>, "target"> & { target: Query; titleFormat?: string; tagKeys?: string };

export type Board = Omit<Plain<Dashboard>, "panels" | "annotations" | "templating"> & {
  panels: AnyPanel[];
  annotations: { list: Marks[] };
  templating: { list: Plain<VariableModel>[] };
};
