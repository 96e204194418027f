// `kcheck images PLACE [OTHER]`: what a checkpoint holds, or how two of them differ.
#pragma once

#include <filesystem>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "options.h"

namespace cg {

struct ImagesCommand {
  std::filesystem::path place;
  std::string other;
};

Command images_command(const KcheckOptions& options);

// On one screen where the tree is small; all of it with `Rows::all`.
enum class Rows { few, all };
std::string images_text(const checkpoint::Checkpoint& checkpoint, Rows rows);
std::string images_json(const checkpoint::Checkpoint& checkpoint);

// Something that one of two checkpoints has and the other has otherwise.
struct ImagesDifference {
  std::string what;           // "process 7", "file /etc/hosts", …
  std::string first, second;  // "": it is not there
};
std::vector<ImagesDifference> compare_images(const checkpoint::Checkpoint& first,
                                             const checkpoint::Checkpoint& second);

}  // namespace cg
