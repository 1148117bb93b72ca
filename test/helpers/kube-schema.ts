import * as models from '@kubernetes/client-node';

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  getAttributeTypeMap(): readonly Attribute[];
}

/** Classes of what a manifest of ours may hold, by version and kind. */
const CLASSES: Readonly<Record<string, string>> = {
  'v1/Namespace': 'V1Namespace',
  'v1/ServiceAccount': 'V1ServiceAccount',
  'v1/ConfigMap': 'V1ConfigMap',
  'v1/Service': 'V1Service',
  'v1/PersistentVolumeClaim': 'V1PersistentVolumeClaim',
  'apps/v1/Deployment': 'V1Deployment',
  'networking.k8s.io/v1/NetworkPolicy': 'V1NetworkPolicy',
  'rbac.authorization.k8s.io/v1/ClusterRole': 'V1ClusterRole',
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': 'V1ClusterRoleBinding',
  'rbac.authorization.k8s.io/v1/Role': 'V1Role',
  'rbac.authorization.k8s.io/v1/RoleBinding': 'V1RoleBinding',
};

/**
 * What in a manifest the API of Kubernetes does not know, by the models that are generated from its OpenAPI document:
 * fields that do not exist, and values of another type.
 */
export function schemaFaults(manifest: unknown): readonly string[] {
  const { apiVersion, kind } = manifest as { apiVersion?: unknown; kind?: unknown };
  const name = CLASSES[`${String(apiVersion)}/${String(kind)}`];
  return name === undefined
    ? [`there is no kind ${String(apiVersion)}/${String(kind)}`]
    : faults(manifest, name, String(kind));
}

function faults(value: unknown, type: string, path: string): readonly string[] {
  const array = /^(?:Array|Set)<(.+)>$/.exec(type)?.[1];
  if (array !== undefined) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((one, rank) => faults(one, array, `${path}[${rank}]`));
  }
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map !== undefined) {
    if (!isObject(value)) return [`${path} is no map`];
    return Object.entries(value).flatMap(([key, one]) => faults(one, map, `${path}.${key}`));
  }
  switch (type) {
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type ? [] : [`${path} is no ${type}`];
    case 'IntOrString':
      return typeof value === 'string' || typeof value === 'number' ? [] : [`${path} is neither text nor number`];
    case 'any':
      return [];
    default:
      return modelFaults(value, type, path);
  }
}

function modelFaults(value: unknown, type: string, path: string): readonly string[] {
  const model = (models as unknown as Readonly<Record<string, Partial<Model> | undefined>>)[type];
  if (model?.getAttributeTypeMap === undefined) throw new Error(`${path}: the models have no ${type}`);
  if (!isObject(value)) return [`${path} is no object`];
  const attributes = new Map(model.getAttributeTypeMap().map((one) => [one.baseName, one.type]));
  return Object.entries(value).flatMap(([key, one]) => {
    const wanted = attributes.get(key);
    return wanted === undefined ? [`${path}.${key} does not exist`] : faults(one, wanted, `${path}.${key}`);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
