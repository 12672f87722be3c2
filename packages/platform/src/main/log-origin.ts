/** Name of a tenant's log in its checkpoints, which is also the name of the key that signs them. */
export const originOf = (gatewayDid: string, tenant: string): string => `aip/${gatewayDid}/${tenant}`;
