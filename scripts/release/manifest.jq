# The manifest (docs/release.schema.json): every file, what the archives hold, and which digests belong together.
{
  schema: "criu-guest.release/1",
  version, project, commit, time, machine, parts,
  missing: (.parts as $parts
    | [("kernel", "criu", "image", "extension", "initrd") as $part | select($parts | index($part) | not)
       | {part: $part, reason: "not among PARTS"}]
      + (if .bound.image and .bound.image.holds["kata-agent"] == null
         then [{part: "kata-agent", reason: "AGENT=FILE was not given: Kata boots this image only with its agent put into it"}] else [] end)),
  bound: (.bound + {packages: (.packages | length)}),
  files: ((.files + $described[0]) | sort_by(.name)),
  archives
}
