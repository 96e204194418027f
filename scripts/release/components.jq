# What a release consists of, once for both bills of materials: components {ref, name, version, kind, purl?, license?,
# file?, member?, sha256?, source_sha256?, holds: [ref]}. A file is one of the release; a member is in that archive.
. as $all
| def at: {file, sha256} + (if .member then {member} else {} end);
  def digest_of($name): .files[] | select(.name == $name) | {file: .name, sha256};
  def tool($name): . as $all | ("\($name)-linux-\($all.machine)") as $file
    | {ref: $name, name: $name, version: $all.project, kind: "application", license: "Apache-2.0"} + ($all | digest_of($file));
  ($all.packages | map({ref: .purl, name, version, kind: "library", purl, source, source_version})) as $packages
| {version, project, commit, time, machine,
   components: (
     [tool("kcheck"), tool("guest-checkpoint")]
     + [("criu-guest-\($all.version)-linux-\($all.machine).tar.gz") as $file | {ref: "tools", name: "criu-guest-tools", version: $all.project, kind: "application", license: "Apache-2.0"} + ($all | digest_of($file))]
     + [("criu-guest-\($all.version).tar.gz") as $file | {ref: "source", name: "criu-guest-source", version: $all.project, kind: "file", license: "Apache-2.0"} + ($all | digest_of($file))]
     + [$all.bound | .kernel // empty | {ref: "kernel", name: "linux", version, kind: "operating-system", purl: "pkg:generic/linux@\(.version)", license: "GPL-2.0-only", source_sha256} + at]
     + [$all.bound | .config // empty | {ref: "config", name: "linux-config", version: $all.bound.kernel.version, kind: "file", license: "Apache-2.0"} + at]
     + [$all.bound | .criu // empty | {ref: "criu", name: "criu", version, kind: "application", purl: "pkg:generic/criu@\(.version)", license: "GPL-2.0-only", source_sha256} + at]
     + [$all.bound | .image // empty | {ref: "image", name: "kata-image", version: $all.version, kind: "file",
          holds: (["criu", "kcheck", "guest-checkpoint"] + ($packages | map(.ref)))} + at]
     + [$all.bound | .initrd // empty | {ref: "initrd", name: "kata-initrd", version: $all.version, kind: "file",
          holds: (["criu", "kcheck", "guest-checkpoint"] + ($packages | map(.ref)))} + at]
     + [$all.bound | .extension // empty | {ref: "extension", name: "kata-criu-extension", version: $all.version, kind: "file",
          holds: ["criu", "kcheck", "guest-checkpoint"]} + at]
     + (if $all.bound.image.holds["kata-agent"] then [{ref: "kata-agent", name: "kata-agent", kind: "application", inside: "image", inside_sha256: $all.bound.image.holds["kata-agent"]}] else [] end)
     + $packages)}
