/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM agilio

#if !defined(AGILIO_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define AGILIO_TRACE_H

#include <linux/netdevice.h>
#include <linux/tracepoint.h>

TRACE_EVENT(agilio_refused,
	TP_PROTO(const struct net_device *dev, unsigned long cookie,
		 const char *reason, const char *text),
	TP_ARGS(dev, cookie, reason, text),
	TP_STRUCT__entry(
		__string(dev, dev->name)
		__field(unsigned long, cookie)
		__string(reason, reason)
		__string(text, text)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(reason);
		__assign_str(text);
		__entry->cookie = cookie;
	),
	TP_printk("%s cookie=%lx %s: %s", __get_str(dev), __entry->cookie,
		  __get_str(reason), __get_str(text))
);

#endif

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
