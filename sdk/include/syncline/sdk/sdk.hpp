/// Everything an author of a plugin needs. Start with connector.hpp, strategy.hpp or scheduler.hpp,
/// end with SYNCLINE_PLUGIN in plugin.hpp.
#ifndef SYNCLINE_SDK_SDK_HPP
#define SYNCLINE_SDK_SDK_HPP

#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/call.hpp>
#include <syncline/sdk/connector.hpp>
#include <syncline/sdk/error.hpp>
#include <syncline/sdk/handshake.hpp>
#include <syncline/sdk/host.hpp>
#include <syncline/sdk/inner.hpp>
#include <syncline/sdk/item.hpp>
#include <syncline/sdk/json.hpp>
#include <syncline/sdk/merging.hpp>
#include <syncline/sdk/plugin.hpp>
#include <syncline/sdk/scheduler.hpp>
#include <syncline/sdk/strategy.hpp>

#endif
