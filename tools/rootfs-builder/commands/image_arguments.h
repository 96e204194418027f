// The options of the commands that make an image, and what they say at the end.
#pragma once

#include <optional>
#include <string>

#include "commands/commands.h"
#include "image/options/image_options.h"

namespace cg {

struct ImageArguments {
  std::string size = "auto";
  std::string label;
  std::string uuid;
  std::string journal = "auto";
  std::string form = "ext4";
  std::string inodes;
  std::string inode_ratio;
  bool verity = false;
  std::string compression;  // of an initrd or EROFS; empty: what is usual for it

  Result<image::ImageOptions> resolve(const Environment& env) const;
};

// `own` options of a command, and after them those of a new image.
std::vector<Option> image_options(ImageArguments& arguments, std::vector<Option> own);

// Writes Kata's line with the root hash of a dm-verity tree, where there is one, to IMAGE.root_hash.txt.
Result<void> write_root_hash(const std::string& image, const std::optional<image::VerityTree>& tree);
Result<void> write_root_hash(const std::string& image, const image::Summary& summary);
// JSON on env.out with --format json, on env.err where the image went to env.out; else a line on env.err.
void print_summary(const image::Summary& summary, double seconds, Context& context);

}  // namespace cg
