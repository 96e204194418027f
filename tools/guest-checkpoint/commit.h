// The moment at which a dump counts: criu has written all images and holds the tasks still. It then calls its
// action script, which is this program again: the images are looked through, brought to the disk and get
// their name. Says it no, criu lets the tasks go on; so whenever anything is killed, either the tasks run or
// the images are whole.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace cg::checkpoint {

// What criu is to be started with for that: options, and variables for its environment.
struct CommitCall {
  std::vector<std::string> options;
  std::map<std::string, std::string> environment;
};
// `program`: this one's file. The directory `from` gets the name `to`.
CommitCall commit_call(const std::filesystem::path& program, const std::filesystem::path& from,
                       const std::filesystem::path& to);

}  // namespace cg::checkpoint

namespace cg {

bool is_called_by_criu();
// The exit status that criu gets.
int commit_for_criu();

}  // namespace cg
