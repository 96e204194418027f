# An in-toto statement, version 1, with SLSA provenance, version 1: what was made, of what, by what.
. as $all
| {
  _type: "https://in-toto.io/Statement/v1",
  subject: [.files[] | select(.name | test("^(kcheck-[a-z]*\\.json|release\\.(pub|pem))$") | not) | {name, digest: {sha256}}],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: {
    buildDefinition: {
      buildType: "https://criu-guest.invalid/release/v1",
      externalParameters: ({version, parts}
        + (if .bound.kernel then {kernel: .bound.kernel.version} else {} end)
        + (if .bound.criu then {criu: .bound.criu.version} else {} end)),
      internalParameters: {machine, system, compiler, zstd},
      resolvedDependencies: (
        [{name: "criu-guest", digest: {gitCommit: .commit}}]
        + [.bound.kernel // empty | {name: "linux \(.version), source", digest: {sha256: .source_sha256}}]
        + [.bound.criu // empty | {name: "criu \(.version), source", digest: {sha256: .source_sha256}}]
        + [.bound.image.holds["kata-agent"] // empty | {name: "kata-agent", digest: {sha256: .}}]
        + [.packages[] | {name, uri: .purl}])
    },
    runDetails: {
      builder: {id: "https://criu-guest.invalid/builder/make-release", version: {"criu-guest": .project}},
      byproducts: [.files[] | select(.name | test("^kcheck-[a-z]*\\.json$")) | {name, digest: {sha256}}]
    }
  }
}
