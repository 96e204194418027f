#include "host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/process.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

struct Need {
  std::string_view what;
  std::string_view package;
};

constexpr std::array<Need, 7> programs{{{"gcc", "gcc"},
                                        {"make", "make"},
                                        {"pkg-config", "pkg-config"},
                                        {"protoc", "protobuf-compiler"},
                                        {"protoc-c", "protobuf-c-compiler"},
                                        {"objcopy", "binutils"},
                                        {"bash", "bash"}}};
constexpr std::array<Need, 7> library_packages{{{"protobuf-c", "libprotobuf-c-dev"},
                                                {"nl-3", "libnl-3-dev"},
                                                {"net", "libnet1-dev"},
                                                {"bsd", "libbsd-dev"},
                                                {"uuid", "uuid-dev"},
                                                {"cap", "libcap-dev"},
                                                {"c", "libc6-dev"}}};
constexpr std::array<Need, 6> headers{{{"sys/capability.h", "libcap-dev"},
                                       {"protobuf-c/protobuf-c.h", "libprotobuf-c-dev"},
                                       {"libnet.h", "libnet1-dev"},
                                       {"libnl3/netlink/netlink.h", "libnl-3-dev"},
                                       {"google/protobuf/descriptor.proto", "libprotobuf-dev"},
                                       {"linux/mount.h", "linux-libc-dev"}}};
// The only ones of pkg-config's answers that CRIU's build is to get. What else the machine has installed
// (gnutls, nftables, selinux, bpf, drm) would end up in the binary, or fail to link statically.
constexpr std::array<Need, 2> pkg_config_names{
    {{"libnl-3.0", "libnl-3-dev"}, {"protobuf", "libprotobuf-dev"}}};

class Missing {
 public:
  void add(std::string_view what, std::string_view package) {
    lines_ += fmt::format("\n  {} (Debian package {})", what, package);
    if (std::ranges::find(packages_, package) == packages_.end()) packages_.emplace_back(package);
  }
  Result<void> error() const {
    if (packages_.empty()) return {};
    return cannot(
        fmt::format("building CRIU needs what this machine does not have:{}\n'make deps' installs it, or: "
                    "apt-get install {}",
                    lines_, join(packages_, " ")));
  }

 private:
  std::string lines_;
  std::vector<std::string> packages_;
};

std::string_view package_of(std::string_view library) {
  for (const auto& need : library_packages)
    if (need.what == library) return need.package;
  return library;
}

// The preprocessor knows the include path; one call asks for all headers.
Result<void> find_headers(Missing& missing) {
  std::string text;
  for (const auto& need : headers)
    text += fmt::format("#if !__has_include(<{}>)\nmissing {}\n#endif\n", need.what, need.package);
  CG_TRY(out, run_checked({"gcc", "-E", "-P", "-x", "c", "-"}, {.input = text}));
  for (const auto& need : headers)
    if (out.contains(fmt::format("missing {}", need.package)))
      missing.add(fmt::format("header <{}>", need.what), need.package);
  return {};
}

}  // namespace

Result<Host> inspect_host(const std::vector<std::string>& libraries) {
  Host host;
  Missing missing;
  for (const auto& need : programs)
    if (!find_program(std::string(need.what))) missing.add(need.what, need.package);
  CG_CHECK(missing.error());  // the rest asks gcc and pkg-config

  CG_CHECK(find_headers(missing));
  std::vector<std::string> names = libraries;
  names.emplace_back("c");
  for (const auto& name : names) {
    // gcc prints the bare name back when it has no such file.
    CG_TRY(out, run_checked({"gcc", "-print-file-name=lib" + name + ".a"}));
    fs::path path(trim(out));
    if (!path.is_absolute())
      missing.add(fmt::format("static library lib{}.a", name), package_of(name));
    else
      host.archives.push_back(std::move(path));
  }
  for (const auto& need : pkg_config_names) {
    CG_TRY(result, run({"pkg-config", "--variable=pcfiledir", std::string(need.what)}));
    if (result.status != 0)
      missing.add(fmt::format("{}.pc", need.what), need.package);
    else
      host.pkg_config.push_back(fs::path(trim(result.out)) / fmt::format("{}.pc", need.what));
  }
  CG_CHECK(missing.error());

  CG_TRY(version, run_checked({"gcc", "--version"}));
  CG_TRY(machine, run_checked({"gcc", "-dumpmachine"}));
  host.compiler = split_lines(version).front();
  host.machine = trim(machine);
  host.ccache = find_program("ccache").has_value();
  return host;
}

}  // namespace cg
