// The parts of load(): each reads some of the image files into the same checkpoint. Only lib/checkpoint knows
// it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/records.h"
#include "checkpoint/store.h"

namespace cg::checkpoint {

enum class Need { required, optional };

namespace wire {
class Objects;
}

Objects objects_of(const wire::Objects& from);

class Loader {
 public:
  Loader(const Store& store, Checkpoint& out) : store_(store), out_(out) {}

  const Store& store() const { return store_; }
  Checkpoint& out() { return out_; }

  Result<void> load_inventory();
  Result<void> load_tree();
  void load_task(Task& task);
  void load_pages(Task& task);
  void load_files();
  void load_world();
  void load_statistics();
  // Images that nothing here reads, and that CRIU cannot do without.
  void look_for_others();

  // Hands every record of an image to `take`. What is wrong becomes a problem; so does a required image that
  // is not there. False: there was nothing, or not all of it.
  bool read(const std::string& file, Magic magic, Need need,
            const std::function<Result<void>(Records&)>& take);
  // The same for an image with one record.
  template <class Message>
  std::optional<Message> read_one(const std::string& file, Magic magic, Need need) {
    std::optional<Message> result;
    read(file, magic, need, [&](Records& records) -> Result<void> {
      if (records.at_end()) return records.bad(records.offset(), "its record is missing");
      CG_TRY(message, records.next_as<Message>());
      result = std::move(message);
      return {};
    });
    return result;
  }
  void damaged(const std::string& file, std::string what);
  void missing(const std::string& file, const std::string& why);

 private:
  const Store& store_;
  Checkpoint& out_;
};

}  // namespace cg::checkpoint
