// Users and groups of an image: passwd(5), group(5), shadow(5) and gshadow as text, changed line by line so
// that what a recipe does not name stays as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "recipe/recipe.h"

namespace cg {

// A file with a line for each name, fields parted by ':'.
class AccountFile {
 public:
  AccountFile(std::string path, std::size_t fields, std::optional<std::string> text);

  const std::string& path() const { return path_; }
  bool exists() const { return exists_; }  // it was there, or has become so
  bool changed() const { return changed_; }
  std::string text() const;
  // The fields of a name; nullptr: there is none.
  const std::vector<std::string>* find(const std::string& name) const;
  const std::vector<std::string>* find_where(std::size_t field, const std::string& value) const;
  // Replaces the line of this name, or adds one at the end (before a "+" line of NIS).
  void set(std::vector<std::string> fields);
  const std::vector<std::vector<std::string>>& lines() const { return lines_; }

 private:
  std::string path_;
  std::size_t fields_;
  bool exists_;
  bool changed_ = false;
  std::vector<std::vector<std::string>> lines_;
};

struct Accounts {
  AccountFile passwd;
  AccountFile group;
  AccountFile shadow;   // only kept where the image has it
  AccountFile gshadow;  // the same

  // `read` gives a file's text; nullopt: it is not there.
  static Result<Accounts> load(
      const std::function<Result<std::optional<std::string>>(const std::string& path)>& read);

  // Refused: a number that another name has, a name whose number would change, a name that no system takes, a
  // group that is not there.
  Result<void> apply(const RecipeGroup& group);
  // `day`: of the last change of password, in days since 1970; nullopt: not said.
  Result<void> apply(const RecipeUser& user, std::optional<std::int64_t> day);
  // The numbers of a user that is there.
  struct Ids {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
  };
  std::optional<Ids> ids(const std::string& user) const;

 private:
  Result<std::uint32_t> free_id(const AccountFile& file, const std::string& name) const;
  Result<void> join_group(const std::string& user, const std::string& group);
};

}  // namespace cg
