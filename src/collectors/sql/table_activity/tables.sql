  FROM tables t
  LEFT JOIN indexes own ON own.indrelid = t.oid
  LEFT JOIN indexes toasts ON toasts.indrelid = t.toast
