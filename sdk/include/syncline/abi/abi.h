/*
 * Syncline plugin ABI: everything at once.
 *
 * Read in this order: types.h (leaf types, status codes, struct handshake, threads), call.h,
 * entry.h, item.h, then the interface of what you build: connector.h with connector_ext.h,
 * conflict.h or scheduler.h. host.h is what the host offers in return.
 */
#ifndef SYNCLINE_ABI_ABI_H
#define SYNCLINE_ABI_ABI_H

#include <syncline/abi/call.h>
#include <syncline/abi/conflict.h>
#include <syncline/abi/connector.h>
#include <syncline/abi/connector_ext.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/host.h>
#include <syncline/abi/item.h>
#include <syncline/abi/scheduler.h>
#include <syncline/abi/types.h>

#endif
