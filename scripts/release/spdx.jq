# components.jq's answer as SPDX 2.3. $id is a digest of it. packageFileName is a file of the release, or ARCHIVE!MEMBER.
def spdx_id: "SPDXRef-" + (gsub("[^A-Za-z0-9.-]"; "-") | .[0:120]);
# Two names may become one that way: packages of two architectures, ++ in a name. Their place tells them apart.
(.components | to_entries | map({key: .value.ref, value: "\(.value.ref | sub("^pkg:deb/[^/]*/"; "package-") | sub("\\?.*"; "") | spdx_id)-\(.key)"}) | from_entries) as $ids
| {
  spdxVersion: "SPDX-2.3",
  dataLicense: "CC0-1.0",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "criu-guest-\(.version)",
  documentNamespace: "https://criu-guest.invalid/spdx/\(.version)/\($id)",
  creationInfo: {created: .time, creators: ["Tool: criu-guest-release-\(.project)"]},
  packages: (
    [{SPDXID: "SPDXRef-release", name: "criu-guest", versionInfo: .version, downloadLocation: "NOASSERTION", filesAnalyzed: false,
      licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION", copyrightText: "NOASSERTION",
      sourceInfo: "commit \(.commit), machine \(.machine)"}]
    + [.components[]
      | {SPDXID: $ids[.ref], name, downloadLocation: "NOASSERTION", filesAnalyzed: false, licenseConcluded: "NOASSERTION",
         licenseDeclared: (.license // "NOASSERTION"), copyrightText: "NOASSERTION",
         primaryPackagePurpose: (.kind | ascii_upcase | gsub("-"; "_"))}
        + (if .version then {versionInfo: .version} else {} end)
        + (if .file then {packageFileName: (.file + (if .member then "!" + .member else "" end))} else {} end)
        + (if .sha256 // .inside_sha256 then {checksums: [{algorithm: "SHA256", checksumValue: (.sha256 // .inside_sha256)}]} else {} end)
        + (if .source then {sourceInfo: "source \(.source) \(.source_version)"}
           elif .source_sha256 then {sourceInfo: "source with SHA-256 \(.source_sha256)"} else {} end)
        + (if .purl then {externalRefs: [{referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: .purl}]} else {} end)]),
  relationships: (
    [{spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: "SPDXRef-release"}]
    + [.components[] | select(.file) | {spdxElementId: "SPDXRef-release", relationshipType: "CONTAINS", relatedSpdxElement: $ids[.ref]}]
    + [.components[] | .ref as $from | .holds // [] | .[] | {spdxElementId: $ids[$from], relationshipType: "CONTAINS", relatedSpdxElement: $ids[.]}]
    + [.components[] | select(.inside) | {spdxElementId: $ids[.inside], relationshipType: "CONTAINS", relatedSpdxElement: $ids[.ref]}])
}
