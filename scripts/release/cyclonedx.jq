# components.jq's answer as CycloneDX 1.5. $id is a digest of it.
def uuid: "\(.[0:8])-\(.[8:12])-5\(.[13:16])-8\(.[17:20])-\(.[20:32])";
def properties: [
    (.file // empty | {name: "criu-guest:file", value: .}),
    (.member // empty | {name: "criu-guest:member", value: .}),
    (.source_sha256 // empty | {name: "criu-guest:source-sha256", value: .}),
    (if .source then {name: "criu-guest:source", value: "\(.source)@\(.source_version)"} else empty end),
    (if .inside then {name: "criu-guest:inside", value: .inside} else empty end)];
{
  "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  serialNumber: "urn:uuid:\($id | uuid)",
  version: 1,
  metadata: {
    timestamp: .time,
    tools: {components: [{type: "application", name: "criu-guest release", version: .project}]},
    component: {"bom-ref": "release", type: "application", name: "criu-guest", version: .version,
      properties: [{name: "criu-guest:commit", value: .commit}, {name: "criu-guest:machine", value: .machine}]}
  },
  components: [.components[]
    | {"bom-ref": .ref, type: .kind, name}
      + (if .version then {version} else {} end)
      + (if .sha256 // .inside_sha256 then {hashes: [{alg: "SHA-256", content: (.sha256 // .inside_sha256)}]} else {} end)
      + (if .license then {licenses: [{license: {id: .license}}]} else {} end)
      + (if .purl then {purl} else {} end)
      + (properties | if . == [] then {} else {properties: .} end)],
  dependencies: (
    [{ref: "release", dependsOn: [.components[] | select(.file) | .ref]}]
    + [.components[] | {ref: .ref} + (if .holds then {dependsOn: .holds} else {} end)])
}
