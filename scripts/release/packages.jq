# /var/lib/dpkg/status of an image, read raw (jq -Rs): its packages. $distribution and $codename say of which system.
split("\n\n")
| map(split("\n") | map(capture("^(?<key>[A-Z][A-Za-z-]*): (?<value>.*)$")) | from_entries
    | select(.Status == "install ok installed")
    | {name: .Package, version: .Version, architecture: .Architecture,
       # The source, where its name or version is another: "Source: name (version)".
       source: ((.Source // .Package) | split(" ")[0]),
       source_version: (.Version as $version | (.Source // "") | (capture("\\((?<v>[^)]*)\\)").v // $version))}
    | .purl = "pkg:deb/\($distribution)/\(.name | @uri)@\(.version | @uri)?arch=\(.architecture)&distro=\($codename)")
| sort_by(.purl)
