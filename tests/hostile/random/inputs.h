// Hostile inputs drawn by lot, of each kind that the tools read: valid ones of our writers and of other
// people's programs, then twisted where their structure is.
#pragma once

#include <filesystem>
#include <string>

#include "lot.h"

namespace cg::random_input {

enum class Use {
  from,   // rootfs-builder create --from
  image,  // whatever looks into an image or changes it
};

struct Input {
  std::filesystem::path path;
  Use use = Use::from;
};

// Each writes one input into the empty directory `into`, whatever else it needs as well.
Input random_tar(Lot& lot, const std::filesystem::path& into);
Input random_layers(Lot& lot, const std::filesystem::path& into);
Input random_container(Lot& lot, const std::filesystem::path& into);
Input random_disk(Lot& lot, const std::filesystem::path& into);
Input random_ext(Lot& lot, const std::filesystem::path& into);
Input random_erofs(Lot& lot, const std::filesystem::path& into);
Input random_initrd(Lot& lot, const std::filesystem::path& into);
Input random_loader(Lot& lot, const std::filesystem::path& into);

// What several of them need.
std::string random_tar_bytes(Lot& lot);
void write(const std::filesystem::path& file, const std::string& bytes);
std::string read(const std::filesystem::path& file);
// A small root file system of a directory.
void write_tree(Lot& lot, const std::filesystem::path& root);
// A program of this machine that is needed; false with a failed expectation where it did not work.
bool made_by(const std::vector<std::string>& argv);

}  // namespace cg::random_input
