// What a recipe under recipes/rootfs/ says; recipes/rootfs/README.md describes the keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct RecipeOwner {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// A file that the user names with --set NAME=PATH.
struct RecipeInput {
  std::string name;
  std::string what;  // for people: "static CRIU"
  std::string dest;
  RecipeOwner owner;
  bool optional = false;
};

// Programs out of Debian packages, with the libraries they need and nothing else.
struct RecipeDebs {
  std::vector<std::string> packages;
  std::vector<std::string> include;  // globs over the packages' paths
};

// A Debian system made by mmdebstrap.
struct RecipeDebian {
  std::string variant = "minbase";
  std::vector<std::string> packages;
  std::vector<std::string> exclude;  // globs, as dpkg's path-exclude
};

struct RecipeDirectory {
  std::string path;
  RecipeOwner owner;
  std::string needs;  // name of an input; left out when that is not given. Also below.
};

struct RecipeLink {
  std::string path;
  std::string target;
  std::string needs;
  bool unless_present = false;
};

struct RecipeFile {
  std::string dest;
  std::filesystem::path source;  // empty: `content`
  std::string content;
  RecipeOwner owner;
  std::string needs;
};

// Kernel modules with all they depend on, out of a tree such as /lib/modules/VERSION.
struct RecipeModules {
  std::vector<std::string> names;
  std::filesystem::path source;  // empty: the caller gives --set modules=DIR
  bool optional = false;         // left out when it does not
};

// systemd's units, as systemctl would enable, disable and mask them; in this order.
struct RecipeServices {
  std::vector<std::string> enable;
  std::vector<std::string> disable;
  std::vector<std::string> mask;
};

struct RecipeGroup {
  std::string name;
  std::optional<std::uint32_t> gid;  // default: a free one of the system's
  std::vector<std::string> members;
};

// What is not given stays as it is for a user that the base has.
struct RecipeUser {
  std::string name;
  std::optional<std::uint32_t> uid;
  std::optional<std::string> group;  // the primary one; default: one of the user's name
  std::vector<std::string> groups;
  std::optional<std::string> comment;
  std::optional<std::string> home;
  std::optional<std::string> shell;
  std::optional<std::string> password;  // as crypt(3) makes it
  bool locked = true;
  bool make_home = false;
};

struct RecipeSysctl {
  std::string key;  // "net.ipv4.ip_forward"
  std::string value;
};

struct Recipe {
  std::filesystem::path path;
  std::string name;
  std::string description;
  std::string form = "ext4";
  bool verity = false;
  std::string compression;  // of an initrd or EROFS; empty: what is usual for it
  std::string size = "auto";
  std::string label;
  std::string journal = "auto";
  std::string
      kata_extension;       // the name by which Kata mounts the image in a guest; empty: it is no extension
  bool merged_usr = false;  // /bin, /sbin, /lib and /lib64 are links into /usr
  std::optional<RecipeDebs> debs;
  std::optional<RecipeDebian> debian;
  std::vector<std::filesystem::path> layers;
  std::vector<std::string> remove;
  std::vector<RecipeDirectory> directories;
  std::vector<RecipeFile> files;
  std::vector<RecipeLink> links;
  std::vector<RecipeInput> inputs;
  std::optional<RecipeModules> modules;
  RecipeServices services;
  std::vector<RecipeSysctl> sysctl;  // sorted
  std::vector<RecipeGroup> groups;
  std::vector<RecipeUser> users;

  // The file that the sysctl settings become: its path and its text.
  std::string sysctl_path() const { return "/etc/sysctl.d/90-" + name + ".conf"; }
  std::string sysctl_text() const;
};

// Refused with file:line:column for what is not understood.
Result<Recipe> load_recipe(const std::filesystem::path& path);

}  // namespace cg
